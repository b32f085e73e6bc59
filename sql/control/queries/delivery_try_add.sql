-- keeps what came of a sending, of one whose webhook is still there
INSERT INTO delivery_try (delivery, at, status, fault, took) SELECT id, ?2, ?3, ?4, ?5 FROM delivery WHERE id = ?1
