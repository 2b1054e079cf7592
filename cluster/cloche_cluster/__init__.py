"""Create a Kubernetes cluster, build Cloche's images, and install Cloche.

`operations` has a method for each command of `cli`. `doctor` checks the machine first. `targets`
are the kinds of cluster; `embedded` is the one that runs on this machine, from the programs that
`components` builds. `images` builds Cloche's images, and `install` installs them. `machine` is what
all of these read from this machine and run on it.
"""
