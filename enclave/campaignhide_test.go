package enclave

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"

	"awase/crypto/delivery"
	"awase/crypto/label"
	"awase/crypto/token"
	"awase/enclave/wire"
	"awase/entrustment"
	"awase/intake"
	"awase/matcher"
)

// loadKeys loads a list of rows "key,email,tier" with the partner's own keys.
func (r *adRoom) loadKeys(t *testing.T, contract, name string, rows []string) {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("会員番号,メール,会員ランク\n")
	for _, row := range rows {
		b.WriteString(row + "\n")
	}
	l, err := intake.OpenList(t.Context(), bytes.NewReader(b.Bytes()), int64(b.Len()), parse(t, entrustment.ParseListSchema, adList), intake.Options{Name: "list.csv"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.LoadList(t.Context(), wire.ListRequest{Entrustment: contract, Name: name}, sealed(t, r.Enclave, contract, name, l.Header(), l.Rows())); err != nil {
		t.Fatal(err)
	}
}

// toLabel begins a delivery of labels over a list, as beginDelivery does, but that
// nothing is due, charged or counted.
func (r *adRoom) toLabel(t *testing.T, m *entrustment.Campaign) *underWay {
	t.Helper()
	u, err := locked(r.Enclave, func() (*underWay, error) {
		c, err := r.contract(m.Entrustment)
		if err != nil {
			return nil, err
		}
		u := &underWay{asDelivery: asDelivery{campaign: m, contract: c, list: r.state.lists[listKey{m.Entrustment, m.List}]}, begun: r.now(), gone: map[string]bool{}}
		u.to, err = r.deliveryKey(m.Destination.Receiver)
		if err != nil {
			return nil, err
		}
		u.serves, err = r.servingKey(m.Destination.Receiver)
		u.head(&campaign{campaignRecord: campaignRecord{m, 1}}, u.begun, actLabels)
		return u, err
	})
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// written reads the file of a delivery that was made, from where it waits for its tick,
// and lets go of it.
func (r *adRoom) written(t *testing.T, u *underWay) []byte {
	t.Helper()
	var raw []byte
	if err := r.vault.ReadColumns(u.file, func(_ string, part []byte) error {
		raw = append(raw, part...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	r.afterDelivery(u, u.rec.ID)
	return raw
}

// labelFile is a file of labels as its carrier sees it, and who of its rows is a member,
// which the carrier does not know.
type labelFile struct {
	bytes  int
	keys   []string
	labels [][]byte
	member []bool
	set    label.Set
}

// openLabels opens a file as the carrier does, who has the delivery key.
func (r *adRoom) openLabels(t *testing.T, raw []byte) (f labelFile) {
	t.Helper()
	d, err := delivery.Open(bytes.NewReader(raw), r.keys["adco"], r.roomKey, r.now())
	if err != nil {
		t.Fatal(err)
	}
	for row, err := range d.Labels() {
		if err != nil {
			t.Fatal(err)
		}
		f.keys, f.labels = append(f.keys, string(row.Key)), append(f.labels, row.Label[:])
	}
	f.bytes, f.set = len(raw), d.Header().Labels
	return f
}

// chance tells whether a coin may be right so often, by Clopper and Pearson's interval at
// 1 − 10⁻⁹.
func chance(right, n int) bool {
	if right == 0 || right == n {
		return false
	}
	lo, hi := mathext.InvRegIncBeta(float64(right), float64(n-right+1), 5e-10), mathext.InvRegIncBeta(float64(right+1), float64(n-right), 1-5e-10)
	return lo <= 0.5 && 0.5 <= hi
}

// padded gives a label as as many bytes as any has.
func padded(l []byte) (out [label.Size + 3]byte) {
	copy(out[:], l)
	return out
}

// features are what a rule may look at in a row of a file.
func (f *labelFile) features(row int) []float64 {
	l := padded(f.labels[row])
	out := []float64{float64(row), float64(len(f.labels[row])), float64(len(f.keys)), float64(f.bytes)}
	ones := 0
	for _, b := range l {
		out = append(out, float64(b))
		ones += bits.OnesCount8(b)
	}
	before := padded(nil)
	if row > 0 {
		before = padded(f.labels[row-1])
	}
	differ := 0
	for i := range l {
		differ += bits.OnesCount8(l[i] ^ before[i])
	}
	return append(out, float64(ones), float64(differ))
}

// tells gives the statistics of label files that separate members from others. Each of
// them is wrong of files that tell nothing at most once in 10⁹.
func tells(files []labelFile) (out []string) {
	half := len(files) / 2
	seen := func(name string) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	for i := range files {
		f := &files[i]
		if f.bytes != files[0].bytes || slices.ContainsFunc(f.labels, func(l []byte) bool { return len(l) != label.Size }) {
			seen("length")
		}
		if !slices.Equal(f.keys, files[0].keys) {
			seen("order")
		}
	}
	once := map[string]bool{}
	for _, f := range files {
		for _, l := range f.labels {
			nonce := string(l[:12])
			if once[nonce] {
				seen("repeated")
			}
			once[nonce] = true
		}
	}
	for at := range label.Size {
		var by [2][256]float64
		var n [2]float64
		for _, f := range files {
			for row, l := range f.labels {
				k := 0
				if f.member[row] {
					k = 1
				}
				l := padded(l)
				by[k][l[at]]++
				n[k]++
			}
		}
		if n[0] == 0 || n[1] == 0 {
			continue
		}
		chi := 0.0
		for v := range 256 {
			all := by[0][v] + by[1][v]
			for k := range by {
				if want := all * n[k] / (n[0] + n[1]); want > 0 {
					chi += (by[k][v] - want) * (by[k][v] - want) / want
				}
			}
		}
		if (distuv.ChiSquared{K: 255}).Survival(chi) < 1e-9/label.Size { // Bonferroni
			seen("bytes")
		}
	}
	if !thresholdAtChance(files[:half], files[half:]) {
		seen("threshold")
	}
	if !oddsAtChance(files[:half], files[half:]) {
		seen("odds")
	}
	if !nearestAtChance(files[:half], files[half:]) {
		seen("nearest")
	}
	return out
}

// thresholdAtChance learns the best threshold of one feature, and tells whether it is
// right as often as a coin.
func thresholdAtChance(learn, test []labelFile) bool {
	type point struct {
		x      float64
		member bool
	}
	of := make([][]point, len(learn[0].features(0)))
	members, all := 0, 0
	for _, f := range learn {
		for row := range f.labels {
			for k, x := range f.features(row) {
				of[k] = append(of[k], point{x, f.member[row]})
			}
			all++
			if f.member[row] {
				members++
			}
		}
	}
	best, feature, above, threshold := -1, 0, true, 0.0
	for k, points := range of {
		slices.SortFunc(points, func(a, b point) int { return cmp.Compare(a.x, b.x) })
		below := 0 // members below the threshold
		for i, p := range points {
			if i > 0 && points[i-1].x != p.x {
				right := members - below + i - below // members above it and others below it
				if right > best {
					best, feature, above, threshold = right, k, true, p.x
				}
				if all-right > best {
					best, feature, above, threshold = all-right, k, false, p.x
				}
			}
			if p.member {
				below++
			}
		}
	}
	right, n := 0, 0
	for _, f := range test {
		for row := range f.labels {
			if (f.features(row)[feature] >= threshold) == above == f.member[row] {
				right++
			}
			n++
		}
	}
	return chance(right, n)
}

// oddsAtChance learns the log odds of each byte at its place, and adds them up.
func oddsAtChance(learn, test []labelFile) bool {
	var seen [label.Size + 3][256][2]float64
	for _, f := range learn {
		for row, l := range f.labels {
			k := 0
			if f.member[row] {
				k = 1
			}
			for at, v := range padded(l) {
				seen[at][v][k]++
			}
		}
	}
	right, n := 0, 0
	for _, f := range test {
		for row, l := range f.labels {
			sum := 0.0
			for at, v := range padded(l) {
				sum += math.Log((seen[at][v][1] + 1) / (seen[at][v][0] + 1))
			}
			if (sum > 0) == f.member[row] {
				right++
			}
			n++
		}
	}
	return chance(right, n)
}

// nearestAtChance guesses that somebody is what they were in the file where their key's
// label is the most alike.
func nearestAtChance(learn, test []labelFile) bool {
	type words [4]uint64
	of := func(l []byte) (w words) {
		for i, b := range padded(l) {
			w[i/8] |= uint64(b) << (i % 8 * 8)
		}
		return w
	}
	type past struct {
		w      words
		member bool
	}
	known := map[string][]past{}
	for _, f := range learn {
		for row, key := range f.keys {
			known[key] = append(known[key], past{of(f.labels[row]), f.member[row]})
		}
	}
	right, n := 0, 0
	for _, f := range test {
		for row, key := range f.keys {
			w, least, guess := of(f.labels[row]), 1<<10, false
			for _, p := range known[key] {
				d := 0
				for i := range w {
					d += bits.OnesCount64(w[i] ^ p.w[i])
				}
				if d < least {
					least, guess = d, p.member
				}
			}
			if guess == f.member[row] {
				right++
			}
			n++
		}
	}
	return chance(right, n)
}

// TestLabelFilesHideMembers: over 1,000 deliveries with members drawn anew, nothing of a
// file of labels tells who is one. Writers that are wrong in one way each are seen.
func TestLabelFilesHideMembers(t *testing.T) {
	t.Parallel()
	const rows, deliveries = 120, 1000
	r := newAdRoom(t, Options{})
	var list []string
	for i := range rows {
		list = append(list, fmt.Sprintf("%s,%s,gold", adKey(7*i%rows), adMail(i)))
	}
	r.loadKeys(t, "op-24", "h", list)
	m := r.campaignOf(t, "op-24", "hide", entrustment.FormLabel, "")
	m.List = "h"
	tokens := map[string]matcher.KindToken{} // by key: each has one
	if err := r.eachKey(t.Context(), r.state.lists[listKey{"op-24", "h"}].Keys, func(k *keyRow) error {
		for id := range k.ids {
			tokens[string(k.user)] = matcher.KindToken{Kind: id.Kind, Token: id.Token}
		}
		return nil
	}); err != nil || len(tokens) != rows {
		t.Fatal(len(tokens), err)
	}
	rng := rand.New(rand.NewPCG(10, 10))
	made := func(draw func() bool) labelFile {
		is := map[matcher.KindToken]bool{}
		for key := range tokens {
			is[tokens[key]] = false
		}
		for i := range rows { // by number, so that the draws are the same each time
			is[tokens[adKey(i)]] = draw()
		}
		u := r.toLabel(t, m)
		if err := r.makeLabels(t.Context(), u, func(k matcher.Kind, tok *token.Token) bool { return is[matcher.KindToken{Kind: k, Token: *tok}] }); err != nil {
			t.Fatal(err)
		}
		f := r.openLabels(t, r.written(t, u))
		for _, key := range f.keys {
			f.member = append(f.member, is[tokens[key]])
		}
		return f
	}
	var files []labelFile
	for range deliveries {
		files = append(files, made(func() bool { return rng.IntN(2) == 0 }))
	}
	if len(files[0].keys) != rows {
		t.Fatalf("%d rows of %d keys", len(files[0].keys), rows)
	}
	if told := tells(files); told != nil {
		t.Errorf("members are told from others by %q", told)
	}
	for _, all := range []bool{false, true} { // as many members as there can be
		if f := made(func() bool { return all }); f.bytes != files[0].bytes || !slices.Equal(f.keys, files[0].keys) {
			t.Errorf("a file of which all are members, %t, is another one to look at", all)
		}
	}
	// The partner reads of them what was drawn.
	for i, f := range files[:3] {
		o, err := label.NewOpener(r.serving, f.set, r.now)
		if err != nil {
			t.Fatal(err)
		}
		for row, key := range f.keys {
			if is, err := o.Open(uint32(row), []byte(key), label.Label(f.labels[row])); err != nil || is != f.member[row] {
				t.Fatalf("file %d, row %d: %t, %v", i, row, is, err)
			}
		}
	}

	// Writers that tell, each by what it does to a file.
	for name, mutant := range map[string]struct {
		write func(n int, f labelFile) labelFile
		seen  []string
	}{
		"members first": {func(_ int, f labelFile) labelFile {
			return f.pick(append(f.rows(true), f.rows(false)...))
		}, []string{"order", "threshold"}},
		"only members": {func(_ int, f labelFile) labelFile { return f.pick(f.rows(true)) }, []string{"order"}},
		"a byte more of members": {func(_ int, f labelFile) labelFile {
			return f.each(func(row int, l []byte) []byte {
				if f.member[row] {
					return append(l, 0)
				}
				return l
			})
		}, []string{"length", "threshold"}},
		"nonces that count members": {func(n int, f labelFile) labelFile {
			members := 0
			return f.each(func(row int, l []byte) []byte {
				if f.member[row] {
					members++
					copy(l, fmt.Sprintf("%06d%06d", n, members))
				}
				return l
			})
		}, []string{"bytes", "threshold", "odds", "nearest"}},
		"the labels of before, where nothing changed": {func(n int, f labelFile) labelFile {
			return f.each(func(row int, l []byte) []byte {
				for i := range files[:n] {
					if i < 2 && files[i].member[row] == f.member[row] {
						return slices.Clone(files[i].labels[row])
					}
				}
				return l
			})
		}, []string{"repeated", "nearest"}},
		"one bit": {func(_ int, f labelFile) labelFile { // in one label of four
			return f.each(func(row int, l []byte) []byte {
				if f.member[row] && l[3]&3 == 0 {
					l[20] &^= 1
				}
				return l
			})
		}, []string{"bytes"}},
	} {
		var broken []labelFile
		for n, f := range files[:300] {
			broken = append(broken, mutant.write(n, f))
		}
		told := tells(broken)
		for _, want := range mutant.seen {
			if !slices.Contains(told, want) {
				t.Errorf("%s: seen by %q, and not by %s", name, told, want)
			}
		}
	}
}

// rows gives the rows of members, or of others.
func (f *labelFile) rows(member bool) (out []int) {
	for row, is := range f.member {
		if is == member {
			out = append(out, row)
		}
	}
	return out
}

// pick gives a file of some rows, in an order.
func (f *labelFile) pick(rows []int) (out labelFile) {
	out.bytes = f.bytes
	for _, row := range rows {
		out.keys, out.labels, out.member = append(out.keys, f.keys[row]), append(out.labels, f.labels[row]), append(out.member, f.member[row])
	}
	return out
}

// each gives a file with other labels.
func (f *labelFile) each(change func(row int, l []byte) []byte) labelFile {
	out := labelFile{bytes: f.bytes, keys: f.keys, member: f.member}
	for row, l := range f.labels {
		out.labels = append(out.labels, change(row, slices.Clone(l)))
	}
	return out
}

// TestLabelsTransplanted is A32 through the room: a carrier has its files and puts labels
// on other keys, in other rows and into other deliveries. None opens, and no set that is
// not whole and as the room wrote it is believed.
func TestLabelsTransplanted(t *testing.T) {
	t.Parallel()
	const rows, transplants = 200, 10_000
	r := newAdRoom(t, Options{})
	var list []string
	for i := range rows {
		list = append(list, fmt.Sprintf("%s,%s,gold", adKey(i), adMail(i)))
	}
	r.loadKeys(t, "op-24", "h", list)
	m := r.campaignOf(t, "op-24", "hide", entrustment.FormLabel, "")
	m.List = "h"
	rng := rand.New(rand.NewPCG(10, 32))
	var files []labelFile
	var raws [][]byte
	var openers []*label.Opener
	for range 8 {
		u := r.toLabel(t, m)
		if err := r.makeLabels(t.Context(), u, func(matcher.Kind, *token.Token) bool { return rng.IntN(2) == 0 }); err != nil {
			t.Fatal(err)
		}
		raw := r.written(t, u)
		f := r.openLabels(t, raw)
		o, err := label.NewOpener(r.serving, f.set, r.now)
		if err != nil {
			t.Fatal(err)
		}
		files, raws, openers = append(files, f), append(raws, raw), append(openers, o)
	}
	opened := map[string]int{}
	for range transplants {
		from, row := rng.IntN(len(files)), rng.IntN(rows)
		l := label.Label(files[from].labels[row])
		if _, err := openers[from].Open(uint32(row), []byte(files[from].keys[row]), l); err != nil {
			t.Fatal(err)
		}
		other := (row + 1 + rng.IntN(rows-1)) % rows
		to := (from + 1 + rng.IntN(len(files)-1)) % len(files)
		for what, err := range map[string]error{
			"another key":          opens(openers[from], row, files[from].keys[other], l),
			"another row":          opens(openers[from], other, files[from].keys[row], l),
			"another key and row":  opens(openers[from], other, files[from].keys[other], l),
			"another delivery":     opens(openers[to], row, files[to].keys[row], l),
			"one of its own":       opens(openers[from], row, "K-of-the-carrier", l),
			"all of them together": opens(openers[to], other, files[to].keys[other], l),
		} {
			if err == nil {
				opened[what]++
			} else if !errors.Is(err, label.NotOpened) {
				t.Fatal(err)
			}
		}
	}
	if len(opened) > 0 {
		t.Errorf("of %d each, labels opened: %v", transplants, opened)
	}

	// The set with the room's signature: as it was, and not as a carrier has it.
	signature := func(raw []byte) []byte {
		d, err := delivery.Open(bytes.NewReader(raw), r.keys["adco"], r.roomKey, r.now())
		if err != nil {
			t.Fatal(err)
		}
		for range d.Labels() {
		}
		s, ok := d.LabelSignature()
		if !ok {
			t.Fatal("no signature of the labels")
		}
		return s
	}
	believed := func(set label.Set, f labelFile, s []byte) bool {
		d := label.NewDigest(set)
		for row, key := range f.keys {
			d.Add([]byte(key), label.Label(f.labels[row]))
		}
		return d.Verify(r.roomKey, s)
	}
	f, s := files[0], signature(raws[0])
	var all []int
	for row := range rows {
		all = append(all, row)
	}
	swapped := slices.Clone(all)
	swapped[3], swapped[4] = 4, 3
	f.member = make([]bool, rows)
	if !believed(f.set, f.pick(all), s) {
		t.Error("the set as the room wrote it is not believed")
	}
	for what, is := range map[string]bool{
		"without a row":             believed(f.set, f.pick(all[1:]), s),
		"with a row twice":          believed(f.set, f.pick(append(all[:rows:rows], 0)), s),
		"two rows exchanged":        believed(f.set, f.pick(swapped), s),
		"the signature of another":  believed(f.set, f.pick(all), signature(raws[1])),
		"under another's set":       believed(files[1].set, f.pick(all), s),
		"a label of another in one": believed(f.set, f.each(func(row int, l []byte) []byte { return files[1].labels[row] }), s),
	} {
		if is {
			t.Errorf("%s: the set is believed", what)
		}
	}
}

func opens(o *label.Opener, row int, key string, l label.Label) error {
	_, err := o.Open(uint32(row), []byte(key), l)
	return err
}
