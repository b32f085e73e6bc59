-- the accounts that a room to rehearse in began with and that are not disabled, in the order in which they were made; who enters one sees them
SELECT id, party, email, name, roles, language, password, totp IS NOT NULL, disabled, created, signed_in FROM person WHERE disabled = 0 AND id IN (SELECT person FROM practice) ORDER BY id
