-- revokes a token of a party, or of one person of it
UPDATE token SET revoked = iif(revoked = 0, ?1, revoked) WHERE party = ?2 AND (?3 = '' OR person = ?3) AND id = ?4
