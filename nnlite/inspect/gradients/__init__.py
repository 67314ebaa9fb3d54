"""The gradients of a network, compared with difference quotients."""
