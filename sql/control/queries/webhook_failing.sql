-- its receiver took nothing; since when stays
UPDATE webhook SET failing = ?2 WHERE id = ?1 AND failing = 0
