// Command app is the app that the system tests build: it serves the folder that
// it was started in, on PORT, and fails in the ways that its flags name.
package main

import (
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
)

func main() {
	hosts := flag.String("hosts", "", "answer 403 to a host that ends in none of these, as development servers do")
	port := flag.String("port", os.Getenv("PORT"), "listen there instead")
	say := flag.String("say", "", "print this first")
	exit := flag.Int("exit", 0, "end at once with this code")
	silent := flag.Bool("silent", false, "take every visitor and tell none anything")
	flag.Parse()
	if *say != "" {
		fmt.Println(*say)
	}
	if *exit != 0 {
		os.Exit(*exit)
	}
	if *silent {
		fmt.Fprintln(os.Stderr, keepWaiting(net.JoinHostPort(os.Getenv("HOST"), *port)))
		os.Exit(1)
	}
	files := http.FileServer(http.Dir("."))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r.Host, *hosts) {
			http.Error(w, "Blocked request. This host is not allowed.", http.StatusForbidden)
			return
		}
		if r.URL.Path == "/die" {
			os.Exit(1)
		}
		files.ServeHTTP(w, r)
	})
	if err := http.ListenAndServe(net.JoinHostPort(os.Getenv("HOST"), *port), handler); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func keepWaiting(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	var waiting []net.Conn // one that is forgotten would be closed
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		waiting = append(waiting, c)
		fmt.Println(len(waiting), "are waiting")
	}
}

func allowed(host, suffixes string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	for suffix := range strings.SplitSeq(suffixes, ",") {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return suffixes == ""
}
