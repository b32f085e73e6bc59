-- sets which kinds a person wants by mail
INSERT INTO notice_mail (person, kinds) VALUES (?1, ?2) ON CONFLICT (person) DO UPDATE SET kinds = ?2
