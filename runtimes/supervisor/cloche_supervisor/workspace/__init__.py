"""The files of the working directory, read and written without following links."""
