-- a second factor that is not confirmed yet
UPDATE person SET totp_new = ? WHERE id = ?
