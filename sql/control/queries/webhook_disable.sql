-- disables a webhook that is enabled
UPDATE webhook SET enabled = 0, why = ?2, changed = ?3, version = version + 1 WHERE id = ?1 AND enabled = 1
