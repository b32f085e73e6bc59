-- the sealed second factor of a person; nobody sees it
SELECT totp, totp_new FROM person WHERE id = ?
