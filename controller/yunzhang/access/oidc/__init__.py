"""Logging in at an outside provider: OpenID Connect, authorization code with PKCE.

OpenID Connect Core 1.0 §3.1 and Discovery 1.0; RFC 7636 (PKCE, S256), RFC 8725 (what JWTs must be
checked for), RFC 9207 (the issuer in the answer), RFC 9700 (best practice). An account is found by
issuer and subject, which an administrator linked; nobody is ever linked by an e-mail address.
"""
