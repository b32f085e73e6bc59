package courier

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"strings"
	"testing"

	"awase/crypto/label"
)

// labelTable is a CSV as awase courier open writes it, of the keys given.
func labelTable(t testing.TB, keys ...string) (table string, labels []string) {
	t.Helper()
	file, _ := labelDelivery(t, keys...)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	rows := [][]string{{"key", "label"}}
	for r, err := range open(t, file).Labels() {
		if err != nil {
			t.Fatal(err)
		}
		rows = append(rows, []string{string(r.Key), r.Label.String()})
		labels = append(labels, r.Label.String())
	}
	if err := w.WriteAll(rows); err != nil {
		t.Fatal(err)
	}
	return b.String(), labels
}

func labelKeys(t testing.TB, tables ...string) *LabelKeys {
	t.Helper()
	k := &LabelKeys{}
	for _, table := range tables {
		if err := k.Add(strings.NewReader(table)); err != nil {
			t.Fatal(err)
		}
	}
	if err := k.Sort(); err != nil {
		t.Fatal(err)
	}
	return k
}

// TestLabelKeys: each label of several deliveries stands for its key, whatever the key
// holds; of a label that no delivery has there is none, and other text is no label.
func TestLabelKeys(t *testing.T) {
	t.Parallel()
	keys := []string{"p-1", `a "quoted", key`, "会員 7", strings.Repeat("k", label.MaxKey), " p-1 "}
	for i := range 3000 {
		keys = append(keys, fmt.Sprint("k-", i))
	}
	one, first := labelTable(t, keys...)
	two, second := labelTable(t, keys[:10]...)
	other, stranger := labelTable(t, "p-1")
	k := labelKeys(t, one, two, one) // the same file twice says nothing new
	for i, l := range append(first, second...) {
		if key, isLabel := k.Key([]byte(l)); !isLabel || string(key) != keys[i%len(keys)] {
			t.Errorf("label %d stands for another key", i)
		}
	}
	if key, isLabel := k.Key([]byte(stranger[0])); !isLabel || key != nil {
		t.Error("a label of another delivery stands for a key")
	}
	if key, _ := labelKeys(t, one, other).Key([]byte(stranger[0])); string(key) != "p-1" {
		t.Error("with its delivery's labels it stands for none")
	}
	for _, cell := range []string{"", "p-1", first[0][:39], first[0] + "=", " " + first[0], strings.ToLower(first[0]) + "!", first[0][:39] + "*"} {
		if key, isLabel := k.Key([]byte(cell)); isLabel || key != nil {
			t.Errorf("%d characters are taken for a label", len(cell))
		}
	}
	// One that differs from a label in its last bits is not that label.
	for _, i := range []int{0, 15, 16, 20, 39} {
		near := []byte(first[0])
		near[i] = 'A' + (near[i]-'A'+1)%26
		if key, _ := k.Key(near); key != nil {
			t.Errorf("a label that differs in character %d stands for a key", i)
		}
	}
	if key, isLabel := labelKeys(t).Key([]byte(first[0])); !isLabel || key != nil {
		t.Error("of no delivery")
	}
}

// TestLabelKeysRefused: a file that is no CSV of key, label is refused with its row, and
// one of two that say otherwise of a label; no error shows a key or a label.
func TestLabelKeysRefused(t *testing.T) {
	t.Parallel()
	table, labels := labelTable(t, "canary-1", "canary-2")
	lines := strings.SplitAfter(table, "\n")
	for name, bad := range map[string]string{
		"empty":               "",
		"no header":           lines[1] + lines[2],
		"another header":      "label,key\n" + lines[1],
		"three cells":         lines[0] + "canary-1," + labels[0] + ",canary\n",
		"no key":              lines[0] + "," + labels[0] + "\n",
		"a long key":          lines[0] + strings.Repeat("canary", 100) + "," + labels[0] + "\n",
		"no label":            lines[0] + "canary-1,\n",
		"a label that is cut": lines[0] + "canary-1," + labels[0][:30] + "\n",
		"an open quote":       lines[0] + `"canary-1,` + labels[0] + "\n",
	} {
		err := (&LabelKeys{}).Add(strings.NewReader(bad))
		if !errors.Is(err, NotOpened) || strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), labels[0][:8]) {
			t.Errorf("%s: %v", name, err)
		}
	}
	k := &LabelKeys{}
	if err := errors.Join(k.Add(strings.NewReader(table)), k.Add(strings.NewReader(lines[0]+"canary-2,"+labels[0]+"\n"))); err != nil {
		t.Fatal(err)
	}
	if err := k.Sort(); !errors.Is(err, NotOpened) || !strings.Contains(err.Error(), "two keys") || strings.Contains(err.Error(), "canary") {
		t.Errorf("a label of two keys: %v", err)
	}
}

// FuzzLabelKeys: no bytes crash the reading of labels, none is shown in an error, and
// what is read is found again.
func FuzzLabelKeys(f *testing.F) {
	table, labels := labelTable(f, "p-1", "p-2")
	f.Add([]byte(table))
	f.Add([]byte("key,label\n"))
	f.Add([]byte("key,label\n\"a\n\"," + labels[0] + "\n"))
	f.Add([]byte("key,label\na," + labels[0] + "\nb," + labels[0] + "\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		k := &LabelKeys{}
		err := errors.Join(k.Add(bytes.NewReader(raw)), k.Sort())
		if err != nil {
			if !errors.Is(err, NotOpened) || len(err.Error()) > 200 {
				t.Errorf("%d characters of an error", len(err.Error()))
			}
			return
		}
		for r, err := range readRows(bytes.NewReader(raw)) {
			if err != nil {
				t.Fatal(err)
			}
			if key, isLabel := k.Key([]byte(r.Label.String())); !isLabel || !bytes.Equal(key, r.Key) {
				t.Error("a label that was read stands for another key")
			}
		}
	})
}
