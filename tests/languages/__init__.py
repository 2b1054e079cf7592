"""Every language in real Pods: a package, because `bench/languages.py` has the same name."""
