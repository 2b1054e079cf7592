// Report the loopback interface only, which programs cannot use either. The filter denies access to the
// kernel's list of interfaces, and Node.js would throw an error that most programs do not expect.
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
