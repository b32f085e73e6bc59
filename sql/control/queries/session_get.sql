-- who sits behind a cookie, with the roles of now; a disabled person has no session
SELECT s.hash, s.id, s.person, p.party, p.roles, s.agent, s.created, s.used, s.ends FROM session AS s JOIN person AS p ON p.id = s.person WHERE s.hash = ? AND p.disabled = 0
