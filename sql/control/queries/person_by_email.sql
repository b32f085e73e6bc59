-- the account of an e-mail address, to sign in; nobody sees it
SELECT id, party, email, name, roles, language, password, totp IS NOT NULL, disabled, created, signed_in FROM person WHERE email = ?
