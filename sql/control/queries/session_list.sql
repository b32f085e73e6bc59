-- the sessions of a person, newest first; they alone see them
SELECT s.hash, s.id, s.person, p.party, p.roles, s.agent, s.created, s.used, s.ends FROM session AS s JOIN person AS p ON p.id = s.person WHERE s.person = ? AND s.ends > ? AND s.used > ? ORDER BY s.id DESC
