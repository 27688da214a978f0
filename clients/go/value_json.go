package signalbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"google.golang.org/protobuf/types/known/structpb"

	pb "github.com/signalbox/signalbox/clients/go/gen/signalbox/v1"
)

// wholeInJSONMax is the largest number up to which JSON keeps whole numbers exactly in every language.
const wholeInJSONMax = 1 << 53

// toJSONValue makes a JSON value of whatever encoding/json takes.
func toJSONValue(of any, place string) (*pb.Value, error) {
	document, err := toStructpb(of, place)
	if err != nil {
		return nil, err
	}
	return &pb.Value{Kind: &pb.Value_JsonValue{JsonValue: document}}, nil
}

// toStructpb makes a JSON document of whatever encoding/json takes, with nothing lost.
func toStructpb(of any, place string) (*structpb.Value, error) {
	if document, ok := of.(*structpb.Value); ok && document != nil {
		return document, nil
	}
	text, err := json.Marshal(of)
	if err != nil {
		return nil, fmt.Errorf("signalbox: %s cannot be a value: %w", place, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, fmt.Errorf("signalbox: %s cannot be a value: %w", place, err)
	}
	return toDocument(tree, place, 0)
}

func toDocument(tree any, place string, level int) (*structpb.Value, error) {
	if level > jsonLevelsMax {
		return nil, fmt.Errorf("signalbox: %s is nested deeper than %d levels", place, jsonLevelsMax)
	}
	switch tree := tree.(type) {
	case nil:
		return structpb.NewNullValue(), nil
	case bool:
		return structpb.NewBoolValue(tree), nil
	case string:
		return structpb.NewStringValue(tree), nil
	case json.Number:
		return toDocumentNumber(tree, place)
	case []any:
		list := &structpb.ListValue{Values: make([]*structpb.Value, 0, len(tree))}
		for index, element := range tree {
			value, err := toDocument(element, fmt.Sprintf("%s[%d]", place, index), level+1)
			if err != nil {
				return nil, err
			}
			list.Values = append(list.Values, value)
		}
		return structpb.NewListValue(list), nil
	case map[string]any:
		object := &structpb.Struct{Fields: make(map[string]*structpb.Value, len(tree))}
		for name, field := range tree {
			value, err := toDocument(field, place+"."+name, level+1)
			if err != nil {
				return nil, err
			}
			object.Fields[name] = value
		}
		return structpb.NewStructValue(object), nil
	default:
		return nil, fmt.Errorf("signalbox: %s is a %T, which no value stands for", place, tree)
	}
}

func toDocumentNumber(number json.Number, place string) (*structpb.Value, error) {
	float, err := number.Float64()
	if err != nil {
		return nil, fmt.Errorf("signalbox: %s is %s, which no number of JSON stands for", place, number)
	}
	if whole, err := number.Int64(); err == nil && (whole > wholeInJSONMax || whole < -wholeInJSONMax) &&
		whole != exactWhole(float) {
		return nil, fmt.Errorf("signalbox: %s is %d, which JSON does not keep exactly; "+
			"hand it over as a value of its own, or as text", place, whole)
	}
	return structpb.NewNumberValue(float), nil
}

// exactWhole is the whole number that a float beyond 2^53 stands for; 0 if it does not fit 64 bits.
func exactWhole(float float64) int64 {
	if math.Abs(float) >= 1<<63 {
		return 0
	}
	return int64(float)
}
