-- takes an invitation back; the party of who is invited and the one that made it may
DELETE FROM invite WHERE (party = ?1 OR maker = ?1) AND id = ?2
