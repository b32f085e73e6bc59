package courier

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// FuzzAnswer: no answer of a platform crashes the courier, nothing of its body is shown,
// and what is taken as accepted says so.
func FuzzAnswer(f *testing.F) {
	for _, body := range []string{`{"requestId":"r-1"}`, `{"data":{"success_count":1,"total_count":1}}`, `{"num_received":1}`, `{"error":{"code":190,"error_subcode":1870159}}`,
		`{"requestStatusPerDestination":[{"requestStatus":"SUCCESS"}]}`, `[]`, `null`, `{"error":null}`} {
		f.Add(200, "7", body)
		f.Add(400, "", body)
	}
	f.Fuzz(func(t *testing.T, status int, after, body string) {
		header := http.Header{"Retry-After": {after}}
		for _, p := range []platform{google{}, meta{}, x{nonce: nonce, now: time.Now}} {
			v := p.read(status, header, []byte(body))
			if v.code == "" && (status < 200 || status > 299) {
				t.Errorf("%T takes status %d for accepted", p, status)
			}
			if v.code == "" && !strings.Contains(body, "{") {
				t.Errorf("%T takes no object for accepted", p)
			}
			if v.after < 0 || v.again && v.code == "" {
				t.Errorf("%T: %+v", p, v)
			}
			if !isName(v.request, 200) && v.request != "" {
				t.Errorf("%T names a request oddly", p)
			}
		}
		if done, v := (google{}).processed(status, header, []byte(body)); done && (v.code != "" || status < 200 || status > 299) {
			t.Errorf("processed: %+v", v)
		}
	})
}

// FuzzCredentials: no file of credentials crashes it, and none is shown in an error.
func FuzzCredentials(f *testing.F) {
	f.Add([]byte("token\n"))
	f.Add([]byte(`{"consumer_key":"a","consumer_secret":"b","access_token":"c","access_secret":"d"}`))
	f.Add([]byte("two words"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		c, err := ParseCredentials(raw)
		if err != nil {
			if text := strings.TrimSpace(string(raw)); len(text) > 20 && strings.Contains(err.Error(), text) {
				t.Error("an error shows them")
			}
			return
		}
		if strings.ContainsAny(c.Token, " \r\n\t") {
			t.Error("a token of several words, or lines: it would end a header")
		}
	})
}
