-- revokes all tokens of a person
UPDATE token SET revoked = ?1 WHERE person = ?2 AND revoked = 0
