-- gives a webhook of a party a new secret; the one before signs too, until a moment
UPDATE webhook SET old = secret, old_until = ?4, secret = ?3, changed = ?5, version = version + 1 WHERE id = ?1 AND party = ?2
