; k0 = loop
declare i64 @llvm.smin.i64(i64, i64)
declare <4 x float> @llvm.masked.load.v4f32.p0(ptr, i32 immarg, <4 x i1>, <4 x float>)
declare void @llvm.masked.store.v4f32.p0(<4 x float>, ptr, i32 immarg, <4 x i1>)
define void @kernel(ptr %args, i64 %tile, ptr %scratch) #0 {
entry:
  %v31 = alloca <4 x float>, align 64
  %v32 = alloca <4 x float>, align 64
  %v33 = alloca <4 x float>, align 64
  %v34 = alloca <4 x float>, align 64
  br label %start
start:
  %t1 = getelementptr inbounds i64, ptr %args, i64 4
  %t2 = load ptr, ptr %t1, align 8
  %t3 = getelementptr inbounds i64, ptr %args, i64 7
  %t4 = load ptr, ptr %t3, align 8
  %t5 = getelementptr inbounds i64, ptr %args, i64 5
  %t6 = load i64, ptr %t5, align 8
  %t7 = getelementptr inbounds i64, ptr %args, i64 6
  %t8 = load i64, ptr %t7, align 8
  %t9 = getelementptr inbounds i64, ptr %args, i64 8
  %t10 = load i64, ptr %t9, align 8
  %t11 = getelementptr inbounds i64, ptr %args, i64 9
  %t12 = load i64, ptr %t11, align 8
  %t13 = getelementptr inbounds i64, ptr %args, i64 2
  %t14 = load i64, ptr %t13, align 8
  %t15 = mul i64 1, %t14
  %t16 = getelementptr inbounds i64, ptr %args, i64 3
  %t17 = load i64, ptr %t16, align 8
  %t18 = getelementptr inbounds i64, ptr %args, i64 0
  %t19 = load i64, ptr %t18, align 8
  %t20 = getelementptr inbounds i64, ptr %args, i64 1
  %t21 = load i64, ptr %t20, align 8
  %t22 = mul i64 %tile, %t19
  %t23 = add i64 %t22, %t19
  %t24 = call i64 @llvm.smin.i64(i64 %t23, i64 %t15)
  %t26 = icmp slt i64 %t22, %t24
  br i1 %t26, label %loop25, label %done25
loop25:
  %i25 = phi i64 [ %t22, %start ], [ %next25, %latch25 ]
  %t27 = mul i64 %i25, %t6
  %t28 = getelementptr inbounds i8, ptr %t2, i64 %t27
  %t29 = mul i64 %i25, %t10
  %t30 = getelementptr inbounds i8, ptr %t4, i64 %t29
  store <4 x float> splat (float 0x0000000000000000), ptr %v31
  store <4 x float> splat (float 0x0000000000000000), ptr %v32
  store <4 x float> splat (float 0x0000000000000000), ptr %v33
  store <4 x float> splat (float 0x0000000000000000), ptr %v34
  %t35 = sub i64 %t17, 0
  %t36 = and i64 %t35, -4
  %t37 = add i64 0, %t36
  %t38 = and i64 %t35, -16
  %t39 = add i64 0, %t38
  %t41 = icmp slt i64 0, %t39
  br i1 %t41, label %loop40, label %done40
loop40:
  %i40 = phi i64 [ 0, %loop25 ], [ %next40, %latch40 ]
  %t42 = add i64 %i40, 0
  %t43 = add i64 %i40, 4
  %t44 = add i64 %i40, 8
  %t45 = add i64 %i40, 12
  %t46 = getelementptr inbounds float, ptr %t28, i64 %t42
  %t47 = load <4 x float>, ptr %t46, align 4
  %t48 = getelementptr inbounds float, ptr %t28, i64 %t43
  %t49 = load <4 x float>, ptr %t48, align 4
  %t50 = getelementptr inbounds float, ptr %t28, i64 %t44
  %t51 = load <4 x float>, ptr %t50, align 4
  %t52 = getelementptr inbounds float, ptr %t28, i64 %t45
  %t53 = load <4 x float>, ptr %t52, align 4
  %t54 = load <4 x float>, ptr %v31
  %t55 = fadd <4 x float> %t54, %t47
  store <4 x float> %t55, ptr %v31
  %t56 = load <4 x float>, ptr %v32
  %t57 = fadd <4 x float> %t56, %t49
  store <4 x float> %t57, ptr %v32
  %t58 = load <4 x float>, ptr %v33
  %t59 = fadd <4 x float> %t58, %t51
  store <4 x float> %t59, ptr %v33
  %t60 = load <4 x float>, ptr %v34
  %t61 = fadd <4 x float> %t60, %t53
  store <4 x float> %t61, ptr %v34
  br label %latch40
latch40:
  %next40 = add nsw i64 %i40, 16
  %again40 = icmp slt i64 %next40, %t39
  br i1 %again40, label %loop40, label %done40, !llvm.loop !0
done40:
  %t63 = icmp slt i64 %t39, %t37
  br i1 %t63, label %loop62, label %done62
loop62:
  %i62 = phi i64 [ %t39, %done40 ], [ %next62, %latch62 ]
  %t64 = getelementptr inbounds float, ptr %t28, i64 %i62
  %t65 = load <4 x float>, ptr %t64, align 4
  %t66 = load <4 x float>, ptr %v31
  %t67 = fadd <4 x float> %t66, %t65
  store <4 x float> %t67, ptr %v31
  %t68 = load <4 x float>, ptr %v31
  %t69 = load <4 x float>, ptr %v32
  %t70 = load <4 x float>, ptr %v33
  %t71 = load <4 x float>, ptr %v34
  store <4 x float> %t69, ptr %v31
  store <4 x float> %t70, ptr %v32
  store <4 x float> %t71, ptr %v33
  store <4 x float> %t68, ptr %v34
  br label %latch62
latch62:
  %next62 = add nsw i64 %i62, 4
  %again62 = icmp slt i64 %next62, %t37
  br i1 %again62, label %loop62, label %done62, !llvm.loop !0
done62:
  %t72 = icmp slt i64 %t37, %t17
  br i1 %t72, label %then73, label %end73
then73:
  %t74 = sub i64 %t17, %t37
  %t75 = insertelement <4 x i64> poison, i64 %t74, i32 0
  %t76 = shufflevector <4 x i64> %t75, <4 x i64> poison, <4 x i32> zeroinitializer
  %t77 = icmp slt <4 x i64> <i64 0, i64 1, i64 2, i64 3>, %t76
  %t78 = getelementptr inbounds float, ptr %t28, i64 %t37
  %t79 = call <4 x float> @llvm.masked.load.v4f32.p0(ptr %t78, i32 4, <4 x i1> %t77, <4 x float> splat (float 0x0000000000000000))
  %t80 = load <4 x float>, ptr %v31
  %t81 = fadd <4 x float> %t80, %t79
  %t82 = select <4 x i1> %t77, <4 x float> %t81, <4 x float> %t80
  store <4 x float> %t82, ptr %v31
  %t83 = load <4 x float>, ptr %v31
  %t84 = load <4 x float>, ptr %v32
  %t85 = load <4 x float>, ptr %v33
  %t86 = load <4 x float>, ptr %v34
  store <4 x float> %t84, ptr %v31
  store <4 x float> %t85, ptr %v32
  store <4 x float> %t86, ptr %v33
  store <4 x float> %t83, ptr %v34
  br label %end73
end73:
  %t87 = sub i64 %t17, 0
  %t88 = add i64 %t87, 3
  %t89 = sdiv i64 %t88, 4
  %t90 = and i64 %t89, 1
  %t91 = icmp ne i64 %t90, 0
  %t92 = load <4 x float>, ptr %v31
  %t93 = load <4 x float>, ptr %v32
  %t94 = load <4 x float>, ptr %v33
  %t95 = load <4 x float>, ptr %v34
  %t96 = select i1 %t91, <4 x float> %t95, <4 x float> %t92
  %t97 = select i1 %t91, <4 x float> %t92, <4 x float> %t93
  %t98 = select i1 %t91, <4 x float> %t93, <4 x float> %t94
  %t99 = select i1 %t91, <4 x float> %t94, <4 x float> %t95
  %t100 = fadd <4 x float> %t96, %t97
  %t101 = fadd <4 x float> %t98, %t99
  %t102 = fadd <4 x float> %t100, %t101
  %t103 = shufflevector <4 x float> %t102, <4 x float> %t102, <2 x i32> <i32 0, i32 1>
  %t104 = shufflevector <4 x float> %t102, <4 x float> %t102, <2 x i32> <i32 2, i32 3>
  %t105 = fadd <2 x float> %t103, %t104
  %t106 = shufflevector <2 x float> %t105, <2 x float> %t105, <1 x i32> <i32 0>
  %t107 = shufflevector <2 x float> %t105, <2 x float> %t105, <1 x i32> <i32 1>
  %t108 = fadd <1 x float> %t106, %t107
  %t109 = extractelement <1 x float> %t108, i32 0
  %t110 = insertelement <4 x float> poison, float %t109, i32 0
  %t111 = shufflevector <4 x float> %t110, <4 x float> poison, <4 x i32> zeroinitializer
  %t112 = sub i64 %t17, 0
  %t113 = and i64 %t112, -4
  %t114 = add i64 0, %t113
  %t115 = and i64 %t112, -16
  %t116 = add i64 0, %t115
  %t118 = icmp slt i64 0, %t116
  br i1 %t118, label %loop117, label %done117
loop117:
  %i117 = phi i64 [ 0, %end73 ], [ %next117, %latch117 ]
  %t119 = add i64 %i117, 0
  %t120 = add i64 %i117, 4
  %t121 = add i64 %i117, 8
  %t122 = add i64 %i117, 12
  %t123 = getelementptr inbounds float, ptr %t28, i64 %t119
  %t124 = load <4 x float>, ptr %t123, align 4
  %t125 = getelementptr inbounds float, ptr %t28, i64 %t120
  %t126 = load <4 x float>, ptr %t125, align 4
  %t127 = getelementptr inbounds float, ptr %t28, i64 %t121
  %t128 = load <4 x float>, ptr %t127, align 4
  %t129 = getelementptr inbounds float, ptr %t28, i64 %t122
  %t130 = load <4 x float>, ptr %t129, align 4
  %t131 = fdiv <4 x float> %t124, %t111
  %t132 = fdiv <4 x float> %t126, %t111
  %t133 = fdiv <4 x float> %t128, %t111
  %t134 = fdiv <4 x float> %t130, %t111
  %t135 = getelementptr inbounds float, ptr %t30, i64 %t119
  store <4 x float> %t131, ptr %t135, align 4
  %t136 = getelementptr inbounds float, ptr %t30, i64 %t120
  store <4 x float> %t132, ptr %t136, align 4
  %t137 = getelementptr inbounds float, ptr %t30, i64 %t121
  store <4 x float> %t133, ptr %t137, align 4
  %t138 = getelementptr inbounds float, ptr %t30, i64 %t122
  store <4 x float> %t134, ptr %t138, align 4
  br label %latch117
latch117:
  %next117 = add nsw i64 %i117, 16
  %again117 = icmp slt i64 %next117, %t116
  br i1 %again117, label %loop117, label %done117, !llvm.loop !0
done117:
  %t140 = icmp slt i64 %t116, %t114
  br i1 %t140, label %loop139, label %done139
loop139:
  %i139 = phi i64 [ %t116, %done117 ], [ %next139, %latch139 ]
  %t141 = getelementptr inbounds float, ptr %t28, i64 %i139
  %t142 = load <4 x float>, ptr %t141, align 4
  %t143 = fdiv <4 x float> %t142, %t111
  %t144 = getelementptr inbounds float, ptr %t30, i64 %i139
  store <4 x float> %t143, ptr %t144, align 4
  br label %latch139
latch139:
  %next139 = add nsw i64 %i139, 4
  %again139 = icmp slt i64 %next139, %t114
  br i1 %again139, label %loop139, label %done139, !llvm.loop !0
done139:
  %t145 = icmp slt i64 %t114, %t17
  br i1 %t145, label %then146, label %end146
then146:
  %t147 = sub i64 %t17, %t114
  %t148 = insertelement <4 x i64> poison, i64 %t147, i32 0
  %t149 = shufflevector <4 x i64> %t148, <4 x i64> poison, <4 x i32> zeroinitializer
  %t150 = icmp slt <4 x i64> <i64 0, i64 1, i64 2, i64 3>, %t149
  %t151 = getelementptr inbounds float, ptr %t28, i64 %t114
  %t152 = call <4 x float> @llvm.masked.load.v4f32.p0(ptr %t151, i32 4, <4 x i1> %t150, <4 x float> splat (float 0x0000000000000000))
  %t153 = fdiv <4 x float> %t152, %t111
  %t154 = getelementptr inbounds float, ptr %t30, i64 %t114
  call void @llvm.masked.store.v4f32.p0(<4 x float> %t153, ptr %t154, i32 4, <4 x i1> %t150)
  br label %end146
end146:
  br label %latch25
latch25:
  %next25 = add nsw i64 %i25, 1
  %again25 = icmp slt i64 %next25, %t24
  br i1 %again25, label %loop25, label %done25, !llvm.loop !0
done25:
  ret void
}

attributes #0 = { nounwind "prefer-vector-width"="128" "no-trapping-math"="true" }
attributes #1 = { noinline nounwind "prefer-vector-width"="128" "no-trapping-math"="true" }
!0 = distinct !{!0, !1}
!1 = !{!"llvm.loop.unroll.disable"}