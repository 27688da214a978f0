package signalbox

import (
	"context"
	"log/slog"
	"strings"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// feedLog writes the lines of a slog.Logger to the feed of a task.
type feedLog struct {
	reports *reports
	// What With and WithGroup said, rendered.
	prefix string
	groups string
}

func (l *feedLog) Enabled(context.Context, slog.Level) bool { return true }

func (l *feedLog) Handle(_ context.Context, record slog.Record) error {
	var line strings.Builder
	line.WriteString(record.Message)
	line.WriteString(l.prefix)
	record.Attrs(func(attribute slog.Attr) bool {
		writeAttribute(&line, l.groups, attribute)
		return true
	})
	l.reports.log(feedLevel(record.Level), line.String())
	return nil
}

func (l *feedLog) WithAttrs(attributes []slog.Attr) slog.Handler {
	var prefix strings.Builder
	prefix.WriteString(l.prefix)
	for _, attribute := range attributes {
		writeAttribute(&prefix, l.groups, attribute)
	}
	return &feedLog{l.reports, prefix.String(), l.groups}
}

func (l *feedLog) WithGroup(name string) slog.Handler {
	if name == "" {
		return l
	}
	return &feedLog{l.reports, l.prefix, l.groups + name + "."}
}

func writeAttribute(line *strings.Builder, groups string, attribute slog.Attr) {
	value := attribute.Value.Resolve()
	if value.Kind() == slog.KindGroup {
		if attribute.Key != "" {
			groups += attribute.Key + "."
		}
		for _, inner := range value.Group() {
			writeAttribute(line, groups, inner)
		}
		return
	}
	if !attribute.Equal(slog.Attr{}) {
		line.WriteString(" " + groups + attribute.Key + "=" + value.String())
	}
}

func feedLevel(level slog.Level) pb.LogLevel {
	switch {
	case level >= slog.LevelError:
		return pb.LogLevel_LOG_LEVEL_ERROR
	case level >= slog.LevelWarn:
		return pb.LogLevel_LOG_LEVEL_WARN
	case level >= slog.LevelInfo:
		return pb.LogLevel_LOG_LEVEL_INFO
	default:
		return pb.LogLevel_LOG_LEVEL_DEBUG
	}
}
