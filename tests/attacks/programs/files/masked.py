# Tries: the places of /proc and /sys that a container runtime hides
# Gets: []
# Depends on: user namespaces
import os

PLACES = ("/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap")
print([name for place in PLACES if os.path.isdir(place) for name in os.listdir(place)])
