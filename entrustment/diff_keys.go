package entrustment

// DiffKeys gives what a new version of a party's document changes of the keys that are
// pinned for it, in the order of the document's fields; a nil before is a party that was
// not there. Keys are hundreds of letters: fingerprint writes one as people compare it.
func DiffKeys(before, after *Party, fingerprint func(key string) string) []Change {
	if before == nil {
		before = &Party{}
	}
	out := []Change{}
	for _, k := range []struct {
		path, before, after string
		added               Effect
		name                Words
	}{
		{"upload_key", before.UploadKey, after.UploadKey, Narrows, Words{"提出するファイルの署名鍵", "key that signs its files"}},
		{"delivery_key", before.DeliveryKey, after.DeliveryKey, Widens, Words{"配信を開く鍵", "key that opens its deliveries"}},
		{"serving_key", before.ServingKey, after.ServingKey, Widens, Words{"ラベルを開く鍵", "key that opens its labels"}},
	} {
		if k.before == k.after {
			continue
		}
		c := Change{Path: k.path, Effect: Either} // another key: other hands, perhaps
		if k.before != "" {
			c.Before = fingerprint(k.before)
		}
		if k.after != "" {
			c.After = fingerprint(k.after)
		}
		switch {
		case k.before == "":
			c.Effect = k.added
		case k.after == "" && k.added == Widens:
			c.Effect = Narrows
		case k.after == "":
			c.Effect = Widens
		}
		c.Text = c.words(k.name)
		out = append(out, c)
	}
	return out
}
