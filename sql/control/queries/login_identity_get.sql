-- the account of somebody at an OpenID provider
SELECT p.id, p.party, p.email, p.name, p.roles, p.language, p.password, p.totp IS NOT NULL, p.disabled, p.created, p.signed_in FROM login_identity AS i JOIN person AS p ON p.id = i.person WHERE i.issuer = ? AND i.subject = ?
