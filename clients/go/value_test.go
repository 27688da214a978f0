package signalbox_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	signalbox "github.com/signalbox/signalbox/clients/go"
	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

type (
	colour string
	level  int8
	blob   []byte
	point  struct {
		X int `json:"x"`
		Y int `json:"y,omitempty"`
	}
)

func TestGoValuesComeBackAsTheTableSays(t *testing.T) {
	seven := 7
	reference := signalbox.Reference{URI: "s3://bucket/key", SHA256: strings.Repeat("a", 64), SizeBytes: 5}
	rows := map[string]struct{ of, want any }{
		"nil":            {nil, nil},
		"nil pointer":    {(*int)(nil), nil},
		"pointer":        {&seven, int64(7)},
		"bool":           {true, true},
		"int":            {-5, int64(-5)},
		"int64":          {int64(math.MinInt64), int64(math.MinInt64)},
		"uint64":         {uint64(math.MaxInt64), int64(math.MaxInt64)},
		"named int":      {level(3), int64(3)},
		"float32":        {float32(0.5), 0.5},
		"whole float":    {2.0, 2.0},
		"infinity":       {math.Inf(1), math.Inf(1)},
		"string":         {"é", "é"},
		"named string":   {colour("red"), "red"},
		"bytes":          {[]byte{0, 1}, []byte{0, 1}},
		"named bytes":    {blob{2}, []byte{2}},
		"reference":      {reference, reference},
		"struct":         {point{X: 1}, map[string]any{"x": 1.0}},
		"slice":          {[]int{1, 2}, []any{1.0, 2.0}},
		"map":            {map[string]bool{"a": true}, map[string]any{"a": true}},
		"duration":       {time.Second, int64(time.Second)},
		"time":           {time.Unix(0, 0).UTC(), "1970-01-01T00:00:00Z"},
		"raw JSON":       {json.RawMessage(`{"a":[null]}`), map[string]any{"a": []any{nil}}},
		"whole number":   {json.Number("12"), int64(12)},
		"decimal number": {json.Number("1.25"), 1.25},
		"JSON scalar":    {signalbox.AsJSON{Of: 5}, 5.0},
	}
	for name, row := range rows {
		t.Run(name, func(t *testing.T) {
			value, err := signalbox.NewValue(row.of)
			if err != nil {
				t.Fatal(err)
			}
			if got := value.Any(); !reflect.DeepEqual(got, row.want) {
				t.Errorf("it is %T %v", got, got)
			}
			again := must(signalbox.NewValue(value))(t)
			if !reflect.DeepEqual(again.Any(), row.want) {
				t.Errorf("a value of a value is %v", again)
			}
		})
	}
}

func TestWhatNoValueStandsForIsAnError(t *testing.T) {
	deep := any(1)
	for range 40 {
		deep = []any{deep}
	}
	for name, of := range map[string]any{
		"too large a number":    uint64(math.MaxUint64),
		"not UTF-8":             "\xff",
		"a function":            func() {},
		"not exact in JSON":     []int64{1<<53 + 1},
		"NaN in JSON":           []float64{math.NaN()},
		"too deep":              deep,
		"not a number":          json.Number("x"),
		"a map by other things": map[point]int{{1, 2}: 3},
	} {
		t.Run(name, func(t *testing.T) {
			if value, err := signalbox.NewValue(of); err == nil {
				t.Errorf("it is %v", value)
			}
		})
	}
}

func TestValuesAreReadByTheirTypes(t *testing.T) {
	of := func(value any) signalbox.Value { return must(signalbox.NewValue(value))(t) }
	reads := map[string]func(signalbox.Value) error{
		"bool":   func(v signalbox.Value) error { _, err := v.Bool(); return err },
		"int":    func(v signalbox.Value) error { _, err := v.Int(); return err },
		"float":  func(v signalbox.Value) error { _, err := v.Float(); return err },
		"string": func(v signalbox.Value) error { _, err := v.Text(); return err },
		"bytes":  func(v signalbox.Value) error { _, err := v.Bytes(); return err },
	}
	fits := map[string]string{
		"true": "bool", "1": "int float", "1.5": "float", "text": "string", "bytes": "bytes", "null": "", "json": "",
	}
	for name, value := range map[string]signalbox.Value{
		"true": of(true), "1": of(1), "1.5": of(1.5), "text": of("text"), "bytes": of([]byte("b")), "null": {},
		"json": of([]int{}),
	} {
		for kind, read := range reads {
			want := strings.Contains(" "+fits[name]+" ", " "+kind+" ")
			if err := read(value); (err == nil) != want {
				t.Errorf("%s read as %s: %v", name, kind, err)
			}
		}
		if value.IsNull() != (name == "null") {
			t.Errorf("%s is null: %v", name, value.IsNull())
		}
	}
	for want, value := range map[string]signalbox.Value{
		"text": of("text"), "5": of(5), "null": {}, `{"x":1}`: of(point{X: 1}), "NaN": of(math.NaN()),
	} {
		if got := value.String(); got != want {
			t.Errorf("%v is told as %s", want, got)
		}
	}
}

func TestValuesAreDecodedByName(t *testing.T) {
	type inner struct {
		Depth int `json:"depth"`
	}
	type all struct {
		inner
		Name   string              `json:"name"`
		Number int64               `json:"number"`
		Share  float64             `json:"share"`
		Data   []byte              `json:"data"`
		At     point               `json:"at"`
		Where  signalbox.Reference `json:"where"`
		Absent *string             `json:"absent"`
	}
	in := map[string]any{
		"depth": 2, "name": "n", "number": int64(1<<62 + 1), "share": 5, "data": []byte{1, 255}, "at": point{1, 2},
		"where": signalbox.Reference{URI: "u"}, "absent": nil, "unknown": 1,
	}
	messages := map[string]*pb.Value{}
	for name, value := range in {
		messages[name] = must(signalbox.NewValue(value))(t).Message()
	}
	values := signalbox.ValuesOf(messages)
	var out all
	if err := values.Decode(&out); err != nil {
		t.Fatal(err)
	}
	want := "{{2} n 4611686018427387905 5 [1 255] {1 2} {u  0} <nil>}"
	if got := fmt.Sprint(out); got != want {
		t.Errorf("it is %s", got)
	}
	var plain map[string]any
	if err := values.Decode(&plain); err != nil || plain["number"] != int64(1<<62+1) {
		t.Errorf("it is %v, %v", plain, err)
	}
	var wrong struct {
		Name int `json:"name"`
	}
	if err := values.Decode(&wrong); err == nil {
		t.Error("a text is taken for a number")
	}
	if err := values.Decode(wrong); err == nil {
		t.Error("what is no pointer is decoded into")
	}
	var nan float64
	if err := must(signalbox.NewValue(math.NaN()))(t).Decode(&nan); err != nil || !math.IsNaN(nan) {
		t.Errorf("NaN is %v, %v", nan, err)
	}
}

func TestEveryReasonOfTheContractHasItsName(t *testing.T) {
	source := readSource(t, "reasons.go")
	for number, name := range pb.Reason_name {
		short := strings.TrimPrefix(name, "REASON_")
		if number != 0 && !strings.Contains(source, `"`+short+`"`) {
			t.Errorf("%s has no name", short)
		}
	}
}
