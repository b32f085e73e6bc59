-- the accounts of a party, newest first; its admins, privacy officers and auditors see them, nobody the hash
SELECT id, party, email, name, roles, language, password, totp IS NOT NULL, disabled, created, signed_in FROM person WHERE party = ?1 AND (?2 = '' OR id < ?2) ORDER BY id DESC LIMIT ?3
