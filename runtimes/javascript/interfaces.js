// The interfaces that a program has, for those who ask: none but the loopback, which it cannot use
// either. The kernel's own list is closed to programs, and Node would throw where most do not expect it.
"use strict";

const loopback = {
  address: "127.0.0.1",
  netmask: "255.0.0.0",
  family: "IPv4",
  mac: "00:00:00:00:00:00",
  internal: true,
  cidr: "127.0.0.1/8",
};

require("node:os").networkInterfaces = function networkInterfaces() {
  return { lo: [{ ...loopback }] };
};
require("node:module").syncBuiltinESMExports();
