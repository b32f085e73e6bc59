-- uses the code of a time step, once
UPDATE person SET totp_step = ?1 WHERE id = ?2 AND totp_step < ?1
