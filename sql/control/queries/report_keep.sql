-- has the reports of an entrustment kept for as long as its contract now says; as its people
UPDATE report SET until = released + ?1 WHERE entrustment = ?2 AND until != released + ?1
