-- an account of a party; its person and the party's admins see it, nobody the hash
SELECT id, party, email, name, roles, language, password, totp IS NOT NULL, disabled, created, signed_in FROM person WHERE party = ? AND id = ?
