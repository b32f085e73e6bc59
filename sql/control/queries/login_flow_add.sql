-- a sign-in by OpenID Connect that begins
INSERT INTO login_flow (hash, ends) VALUES (?, ?)
