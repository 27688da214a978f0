package signalbox_test

import (
	"io"
	"net"
	"sync"
	"testing"
)

// proxy stands between a client and a server, and can cut the line.
type proxy struct {
	address  string
	target   string
	listener net.Listener

	mu    sync.Mutex
	isCut bool
	// Cut the line at the next that the server says.
	losesAnswer bool
	lines       []net.Conn
}

// newProxy is a proxy in front of an address.
func newProxy(t *testing.T, target string) *proxy {
	t.Helper()
	return proxyOn(t, must(net.Listen("tcp", "127.0.0.1:0"))(t), target)
}

// proxyOn is a proxy in front of an address that listens as it is told.
func proxyOn(t *testing.T, listener net.Listener, target string) *proxy {
	t.Helper()
	p := &proxy{address: listener.Addr().String(), target: target, listener: listener}
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
	})
	go p.serve()
	return p
}

func (p *proxy) serve() {
	for {
		line, err := p.listener.Accept()
		if err != nil {
			return
		}
		go p.carry(line)
	}
}

func (p *proxy) carry(line net.Conn) {
	onward, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = line.Close()
		return
	}
	if !p.keep(line, onward) {
		return
	}
	go func() {
		_, _ = io.Copy(onward, line)
		_ = onward.Close()
	}()
	p.answer(line, onward)
	_ = line.Close()
}

// answer carries what the server says.
func (p *proxy) answer(line, onward net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		count, err := onward.Read(buffer)
		p.mu.Lock()
		isLost := p.losesAnswer && err == nil
		p.losesAnswer = p.losesAnswer && !isLost
		p.mu.Unlock()
		if err != nil || isLost {
			return
		}
		if _, err := line.Write(buffer[:count]); err != nil {
			return
		}
	}
}

// loseAnswer cuts the line at the next that the server says.
func (p *proxy) loseAnswer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.losesAnswer = true
}

// keep notes lines to be cut, and closes them at once if the proxy is cut.
func (p *proxy) keep(lines ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.isCut {
		for _, line := range lines {
			_ = line.Close()
		}
		return false
	}
	p.lines = append(p.lines, lines...)
	return true
}

// cut breaks every line and lets no new one stand.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = true
	for _, line := range p.lines {
		_ = line.Close()
	}
	p.lines = nil
}

// mend lets lines stand again.
func (p *proxy) mend() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.isCut = false
}
