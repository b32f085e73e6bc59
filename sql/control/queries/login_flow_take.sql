-- a sign-in by OpenID Connect comes back, once
DELETE FROM login_flow WHERE hash = ? AND ends > ?
