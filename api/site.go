package api

import (
	"net/http"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"awase/web"
)

// What the page asks for, as the log and the metrics call it.
const (
	opPage = "page"
	opFile = "file" // of the page: its first load asks for some thirty
)

// slowest is as slowly as a file of the page may go out, in bytes a second.
const slowest = 32 << 10

// site answers what is no operation: the page's own addresses, its files and, of
// anything else, that it is not there.
//
// None of it is counted against strangers. A first load asks for some thirty files at
// once, more than a stranger has, and people of one office share an address; and what
// is sent as it lies in the program costs less than the answer that it was too much.
// Only what is large and has to be unpacked for who asks is counted as anything else.
func (s *Server) site(g *gin.Context) {
	a := s.Page.At(g.Request.URL.Path)
	if a == nil {
		s.plain(errNoPage)(g)
		return
	}
	if m := g.Request.Method; m != http.MethodGet && m != http.MethodHead {
		g.Writer.Header().Set("Allow", "GET, HEAD")
		s.plain(errNoMethod)(g)
		return
	}
	start := time.Now()
	c := &call{Request: g.Request, s: s, gin: g, op: opFile, id: newID("req")}
	if a.Page() {
		c.op = opPage
	}
	s.headers(g.Writer.Header(), c.id)
	var err error
	if a.Heavy(c.Request) {
		err = s.limit(c)
	}
	if err != nil {
		p := problemAnswer(err, c.id)
		p.header.Set("Retry-After", retryAfter(err))
		s.write(c, g.Writer, p)
	} else {
		if c.ContentLength != 0 { // which nobody reads
			g.Writer.Header().Set("Connection", "close")
		}
		g.Status(http.StatusOK) // gin begins with 404 here
		send(g.Writer, c.Request, a)
		g.Writer.WriteHeaderNow()
	}
	s.log(c, g.Writer.Status(), time.Since(start), err)
}

// send sends what the page has, in a time that its size is given.
func send(w http.ResponseWriter, r *http.Request, a *web.Answer) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(answerWait + time.Duration(a.Size()/slowest)*time.Second)) // a recorder of a test has none
	a.ServeHTTP(w, r)
}

// top gives browsers the page, and programs the contract.
func (s *Server) top(c *call) (*answer, error) {
	if strings.Contains(c.Header.Get("Accept"), "text/html") {
		return &answer{serve: func(w http.ResponseWriter, r *http.Request) { send(w, r, s.Page.Index()) }}, nil
	}
	return &answer{status: http.StatusSeeOther, header: http.Header{"Location": {"/docs"}}}, nil
}
