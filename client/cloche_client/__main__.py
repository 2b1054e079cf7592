"""`python -m cloche_client` is `cloche`."""

from cloche_client.cli.main import main

if __name__ == "__main__":
    main()
