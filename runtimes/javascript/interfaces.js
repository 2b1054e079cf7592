// Report the loopback interface only, which programs cannot use either. The filter denies access to the
// kernel's list of interfaces, and Node.js would throw an error that most programs do not expect.
// Report as many processors as the execution may use (OMP_NUM_THREADS), not all of the node.
"use strict";

if (process.env.CLOCHE_PRESTART !== undefined) require("./prestart.js");

const os = require("node:os");

const loopback = {
  address: "127.0.0.1",
  netmask: "255.0.0.0",
  family: "IPv4",
  mac: "00:00:00:00:00:00",
  internal: true,
  cidr: "127.0.0.1/8",
};

os.networkInterfaces = function networkInterfaces() {
  return { lo: [{ ...loopback }] };
};
const processors = Number.parseInt(process.env.OMP_NUM_THREADS, 10);
if (processors > 0) {
  const { cpus, availableParallelism } = os;
  os.cpus = () => cpus().slice(0, processors);
  os.availableParallelism = () => Math.min(processors, availableParallelism());
}
require("node:module").syncBuiltinESMExports();
