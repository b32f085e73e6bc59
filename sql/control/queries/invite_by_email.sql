-- the newest invitation of an e-mail address, for a first sign-in by OpenID Connect
SELECT hash, id, party, maker, person, email, name, roles, created, ends FROM invite WHERE email = ? AND person = '' AND ends > ? ORDER BY id DESC LIMIT 1
