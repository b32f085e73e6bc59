-- puts a confirmed second factor in force; NULL takes it away
UPDATE person SET totp = ?, totp_new = NULL, totp_step = ? WHERE id = ?
