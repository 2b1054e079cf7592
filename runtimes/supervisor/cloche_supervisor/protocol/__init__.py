"""The protocol with the operator (docs/design/protocol.md): input, frames and events."""
