"""The exported step as a graph: ONNX, torch.export, AOTInductor and ExecuTorch."""
