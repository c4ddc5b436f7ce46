//! `mx-mod-symbol.json`: the graph that AWS's container builds for scoring, in MXNet's own JSON layout.
//!
//! dmlc's JSON writer breaks lines in lists of objects, in lists of more than ten numbers and in maps of more than
//! one entry, and leaves a blank before each such break. One graph serves all losses but logistic: scores of
//! hinge and of the regression losses are the margin itself.

use super::ModelAlgo;
use super::params::python_float;
use std::fmt::Write;

/// MXNet 1.3.1, which wrote the known artifacts.
const MXNET_VERSION: u32 = 10301;

struct Node {
    op: &'static str,
    name: String,
    attributes: Vec<(&'static str, String)>,
    inputs: Vec<usize>,
}

fn node(op: &'static str, name: impl Into<String>, inputs: &[usize]) -> Node {
    Node {
        op,
        name: name.into(),
        attributes: Vec::new(),
        inputs: inputs.to_vec(),
    }
}

fn leaf(name: &str, attributes: &[(&'static str, String)]) -> Node {
    Node {
        op: "null",
        name: name.to_owned(),
        attributes: attributes.to_vec(),
        inputs: Vec::new(),
    }
}

fn with(mut node: Node, key: &'static str, value: &str) -> Node {
    node.attributes.push((key, value.to_owned()));
    node
}

pub(super) fn write(model: &ModelAlgo) -> String {
    let (features, outputs, k) = (model.coefficients.features, model.coefficients.outputs, model.counter);
    let mut nodes = vec![
        leaf("data", &[]),
        leaf("fc0_weight", &[("__shape__", format!("({features}, {outputs})"))]),
        node("dot", format!("dot{k}"), &[0, 1]),
        leaf(
            "fc0_bias",
            &[
                ("__lr_mult__", python_float(model.bias_lr_mult)),
                ("__shape__", format!("(1, {outputs})")),
            ],
        ),
        node("broadcast_add", format!("broadcast_plus{k}"), &[2, 3]),
    ];
    if model.params.predictor_type == "multiclass_classifier" {
        softmax(&mut nodes, k);
    } else {
        nodes.push(leaf("out_label", &[]));
        nodes.push(if model.params.loss_type == "logistic" {
            node(
                "LogisticRegressionOutput",
                format!("logisticregressionoutput{k}"),
                &[4, 5],
            )
        } else {
            node("LinearRegressionOutput", format!("linearregressionoutput{k}"), &[4, 5])
        });
    }
    render(&nodes)
}

fn softmax(nodes: &mut Vec<Node>, k: usize) {
    nodes.push(with(node("max", format!("max{k}"), &[4]), "axis", "1"));
    nodes.push(with(node("Reshape", format!("reshape{k}"), &[5]), "shape", "(-1, 1)"));
    nodes.push(node("broadcast_sub", format!("broadcast_minus{k}"), &[4, 6]));
    nodes.push(with(
        node("_plus_scalar", format!("_plusscalar{k}"), &[7]),
        "scalar",
        "10.0",
    ));
    nodes.push(node("exp", format!("exp{k}"), &[8]));
    nodes.push(with(node("sum", format!("sum{k}"), &[9]), "axis", "1"));
    nodes.push(with(
        node("Reshape", format!("reshape{}", k + 1), &[10]),
        "shape",
        "(-1, 1)",
    ));
    nodes.push(node("broadcast_div", format!("broadcast_div{k}"), &[9, 11]));
    nodes.push(with(
        with(node("clip", format!("clip{k}"), &[12]), "a_max", "1.0"),
        "a_min",
        "1e-10",
    ));
    nodes.push(node("BlockGrad", format!("blockgrad{k}"), &[13]));
    nodes.push(leaf("out_label", &[]));
    nodes.push(with(
        node("Reshape", format!("reshape{}", k + 2), &[15]),
        "shape",
        "(-1,)",
    ));
    nodes.push(node("pick", format!("pick{k}"), &[13, 16]));
    nodes.push(node("log", format!("log{k}"), &[17]));
    nodes.push(with(
        node("_mul_scalar", format!("_mulscalar{k}"), &[18]),
        "scalar",
        "-1.0",
    ));
    nodes.push(node("make_loss", format!("make_loss{k}"), &[19]));
    nodes.push(with(
        node("Reshape", format!("reshape{}", k + 3), &[20]),
        "shape",
        "(-1, 1)",
    ));
    nodes.push(with(
        node("_mul_scalar", format!("_mulscalar{}", k + 1), &[21]),
        "scalar",
        "1e-30",
    ));
    nodes.push(node("broadcast_add", format!("broadcast_add{k}"), &[14, 22]));
}

fn render(nodes: &[Node]) -> String {
    let entries: Vec<String> = nodes.iter().map(render_node).collect();
    let leaves: Vec<usize> = (0..nodes.len()).filter(|&at| nodes[at].op == "null").collect();
    let pointers: Vec<usize> = (0..=nodes.len()).collect();
    format!(
        "{{\n  \"nodes\": [\n    {}\n  ], \n  \"arg_nodes\": {}, \n  \"node_row_ptr\": {}, \n  \"heads\": [[{}, 0, 0]], \n  \
         \"attrs\": {{\"mxnet_version\": [\"int\", {MXNET_VERSION}]}}\n}}",
        entries.join(", \n    "),
        numbers(&leaves),
        numbers(&pointers),
        nodes.len() - 1,
    )
}

fn render_node(node: &Node) -> String {
    let mut out = format!(
        "{{\n      \"op\": \"{}\", \n      \"name\": \"{}\", \n",
        node.op, node.name
    );
    let pairs: Vec<String> = node
        .attributes
        .iter()
        .map(|(key, value)| format!("\"{key}\": \"{value}\""))
        .collect();
    // Writing to a String cannot fail.
    let _ = match pairs.as_slice() {
        [] => Ok(()),
        [only] => writeln!(out, "      \"attrs\": {{{only}}}, "),
        many => writeln!(
            out,
            "      \"attrs\": {{\n        {}\n      }}, ",
            many.join(", \n        ")
        ),
    };
    let inputs: Vec<String> = node.inputs.iter().map(|input| format!("[{input}, 0, 0]")).collect();
    let _ = write!(out, "      \"inputs\": [{}]\n    }}", inputs.join(", "));
    out
}

fn numbers(list: &[usize]) -> String {
    let texts: Vec<String> = list.iter().map(usize::to_string).collect();
    if list.len() > 10 {
        format!("[\n    {}\n  ]", texts.join(", \n    "))
    } else {
        format!("[{}]", texts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::super::{AdditionalParams, Coefficients, MetricsParams};
    use super::*;

    fn model(predictor_type: &str, outputs: usize) -> ModelAlgo {
        ModelAlgo {
            coefficients: Coefficients {
                features: 14,
                outputs,
                weight: vec![0.0; 14 * outputs],
                bias: vec![0.0; outputs],
            },
            params: AdditionalParams {
                threshold: 0.5,
                loss_type: "logistic".to_owned(),
                predictor_type: predictor_type.to_owned(),
                metrics_params: MetricsParams::default(),
            },
            counter: 57,
            bias_lr_mult: 10.0,
        }
    }

    #[test]
    fn the_binary_graph_in_mxnets_layout() {
        let text = write(&model("binary_classifier", 1));
        let expected = r#"{
  "nodes": [
    {
      "op": "null", 
      "name": "data", 
      "inputs": []
    }, 
    {
      "op": "null", 
      "name": "fc0_weight", 
      "attrs": {"__shape__": "(14, 1)"}, 
      "inputs": []
    }, 
    {
      "op": "dot", 
      "name": "dot57", 
      "inputs": [[0, 0, 0], [1, 0, 0]]
    }, 
    {
      "op": "null", 
      "name": "fc0_bias", 
      "attrs": {
        "__lr_mult__": "10.0", 
        "__shape__": "(1, 1)"
      }, 
      "inputs": []
    }, 
    {
      "op": "broadcast_add", 
      "name": "broadcast_plus57", 
      "inputs": [[2, 0, 0], [3, 0, 0]]
    }, 
    {
      "op": "null", 
      "name": "out_label", 
      "inputs": []
    }, 
    {
      "op": "LogisticRegressionOutput", 
      "name": "logisticregressionoutput57", 
      "inputs": [[4, 0, 0], [5, 0, 0]]
    }
  ], 
  "arg_nodes": [0, 1, 3, 5], 
  "node_row_ptr": [0, 1, 2, 3, 4, 5, 6, 7], 
  "heads": [[6, 0, 0]], 
  "attrs": {"mxnet_version": ["int", 10301]}
}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn the_multiclass_graph_has_its_24_nodes() {
        let text = write(&model("multiclass_classifier", 3));
        let graph: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(graph["nodes"].as_array().unwrap().len(), 24);
        assert_eq!(graph["arg_nodes"], serde_json::json!([0, 1, 3, 15]));
        assert_eq!(graph["heads"], serde_json::json!([[23, 0, 0]]));
    }
}
