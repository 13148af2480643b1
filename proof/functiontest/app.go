package functiontest

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"mime"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"siesta/local/e2bsim/sandbox"
)

// Main is the TestMain of a package whose sandboxes run real processes. It makes
// the test's binary the app that they run, too: `serve` answers on PORT with the
// value of GREETING, and with the status in the file status; `site` with the files
// of the folder site, and with the status in a file's name and .status, to which -1 is
// never; `accept` takes visitors and tells them nothing, `drip` a byte a second; `tls` and
// `https` take those alone that speak TLS, and tell the others nothing, or that.
func Main(m *testing.M) {
	sandbox.Init()
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "serve":
			fmt.Println(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(greet)))
			os.Exit(1)
		case "site":
			fmt.Println(http.ListenAndServe(":"+os.Getenv("PORT"), http.HandlerFunc(show)))
			os.Exit(1)
		case "tls":
			fmt.Println(listen(func(c net.Conn) {
				_ = tls.Server(c, certified()).Handshake()
				_ = c.Close() // without a word, as Node does
			}))
			os.Exit(1)
		case "https":
			s := http.Server{Addr: ":" + os.Getenv("PORT"), Handler: http.HandlerFunc(greet), TLSConfig: certified()}
			fmt.Println(s.ListenAndServeTLS("", ""))
			os.Exit(1)
		case "accept":
			fmt.Println(listen(func(net.Conn) {}))
			os.Exit(1)
		case "drip":
			fmt.Println(listen(drip))
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// listen takes every connection and leaves it open.
func listen(answer func(net.Conn)) error {
	l, err := net.Listen("tcp", ":"+os.Getenv("PORT"))
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go answer(c)
	}
}

// certified has a certificate, which nobody believes.
func certified() *tls.Config {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return s.TLS
}

func drip(to net.Conn) {
	for _, b := range []byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello") {
		if _, err := to.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func greet(w http.ResponseWriter, _ *http.Request) {
	status := http.StatusOK
	if raw, err := os.ReadFile("status"); err == nil {
		_, _ = fmt.Sscan(string(raw), &status)
	}
	w.WriteHeader(status)
	_, _ = fmt.Fprint(w, os.Getenv("GREETING"))
}

// show answers with the file of a path, index.html in a folder, else with 404.html.
// A file that begins with / is where its visitors are sent to.
func show(w http.ResponseWriter, r *http.Request) {
	name := filepath.Join("site", r.URL.Path)
	if strings.HasSuffix(r.URL.Path, "/") {
		name = filepath.Join(name, "index.html")
	}
	status := http.StatusOK
	body, err := os.ReadFile(name)
	if err != nil {
		name, status = "404.html", http.StatusNotFound
		body, _ = os.ReadFile(filepath.Join("site", name))
	}
	if raw, err := os.ReadFile(name + ".status"); err == nil {
		_, _ = fmt.Sscan(string(raw), &status)
	}
	if status < 0 {
		<-r.Context().Done()
		return
	}
	if strings.HasPrefix(string(body), "/") {
		w.Header().Set("Location", strings.TrimSpace(string(body)))
		status = http.StatusFound
	}
	w.Header().Set("Content-Type", cmp.Or(mime.TypeByExtension(filepath.Ext(name)), "text/html"))
	w.WriteHeader(status)
	_, _ = w.Write(body)
}
