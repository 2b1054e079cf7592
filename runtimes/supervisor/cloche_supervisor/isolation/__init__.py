"""What programs may do, and the state of the Pod that each of them must find."""
