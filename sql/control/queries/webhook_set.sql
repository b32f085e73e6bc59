-- changes a webhook of a party, where nobody did since it was read
UPDATE webhook SET url = ?4, kinds = ?5, description = ?6, enabled = ?7, why = ?8, failing = ?9, changed = ?10, version = version + 1
WHERE id = ?1 AND party = ?2 AND version = ?3
