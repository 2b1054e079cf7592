"""The Model Context Protocol (MCP), over its transport "Streamable HTTP": tools for agents.

The contract is that of the specification, https://modelcontextprotocol.io/specification, in its
revision 2026-07-28, in which each request is independent, and in the revisions with a handshake
from 2025-03-26 to 2025-11-25. The server keeps no state between requests in any of them.
"""
