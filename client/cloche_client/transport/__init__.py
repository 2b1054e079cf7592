"""Send requests over HTTP: `blocking` with the standard library, `asynchronous` with httpx."""
