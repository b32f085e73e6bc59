package entrustment

// ParseParty reads party.yaml. file names the document in errors.
func ParseParty(file string, data []byte) (*Party, error) {
	p, at, err := decode[Party](file, data, SchemaParty)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	c.id("id", p.ID)
	c.id("group", p.Group)
	c.country("country", p.Country)
	if p.UploadKey != "" {
		if _, err := ParseUploadKey(p.UploadKey); err != nil {
			c.fail("upload_key", "is no Ed25519 public key", "write what awase seal-key printed: ed25519: and 44 characters of Base64")
		}
	}
	return done(p, c)
}

// ParsePolicies reads policies.yaml. A version without clauses covers no flow.
func ParsePolicies(file string, data []byte) (*Policies, error) {
	p, at, err := decode[Policies](file, data, SchemaPolicies)
	if err != nil {
		return nil, err
	}
	c := &checker{at: at}
	c.atMost("policies", len(p.Policies), 1000)
	seen := map[string]bool{}
	for i, v := range p.Policies {
		path := item("policies", i)
		c.name(join(path, "version"), v.Version)
		if seen[v.Version] {
			c.fail(join(path, "version"), "the version is given twice", "keep one")
		}
		seen[v.Version] = true
		for _, clause := range sorted(v.Clauses) {
			sub := member(join(path, "clauses"), clause)
			c.name(sub, clause)
			c.distinct(sub, words(v.Clauses[clause]...))
		}
	}
	return done(p, c)
}
