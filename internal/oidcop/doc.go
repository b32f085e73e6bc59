// Package oidcop tests signing in by OpenID Connect against a provider that we did
// not write: the example server of zitadel/oidc, on the loopback. It is a module of
// its own, so that the room does not depend on it.
package oidcop
